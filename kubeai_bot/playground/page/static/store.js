// What the page knows: the server's snapshot and the changes since, and the questions that the panes ask of it.

export const keyOf = (channel, ts) => `${channel}:${ts}`;
export const LANES = ["events", "calls", "session", "model", "cluster"];
const KEPT_ENTRIES = 2000;

export class Store {
  world = { edges: [], bot: { state: "starting", error: null }, suggested: [], transport: "" };
  botUser = "";
  people = [];
  channels = [];
  commands = [];
  shortcuts = [];
  messages = new Map();
  sessions = new Map();
  homes = {};
  modals = {};
  prompts = {};
  lanes = Object.fromEntries(LANES.map((lane) => [lane, new Map()]));
  problems = [];
  connections = 0;

  /** Takes in one frame of the server. */
  apply(frame) {
    const take = this[`on_${frame.type}`];
    if (take) take.call(this, frame);
  }

  on_snapshot(frame) {
    for (const name of ["world", "people", "channels", "commands", "shortcuts", "homes", "modals", "prompts", "problems", "connections"])
      this[name] = frame[name] ?? this[name];
    this.botUser = frame.bot_user;
    this.messages = new Map(frame.messages.map((message) => [keyOf(message.channel, message.ts), message]));
    this.sessions = new Map(frame.sessions.map((session) => [keyOf(session.channel, session.thread_ts), session]));
    for (const lane of LANES) this.lanes[lane] = new Map((frame.inspector[lane] ?? []).map((entry) => [entry.id, entry]));
  }

  on_message({ message }) {
    this.messages.set(keyOf(message.channel, message.ts), message);
  }

  on_message_deleted({ channel, ts }) {
    const gone = this.messages.get(keyOf(channel, ts));
    if (gone && [...this.messages.values()].some((message) => message.thread_ts === ts && message.ts !== ts)) this.messages.set(keyOf(channel, ts), { ...gone, deleted: true });
    else this.messages.delete(keyOf(channel, ts));
  }

  on_status(frame) {
    this.sessions.set(keyOf(frame.channel, frame.thread_ts), frame);
  }

  on_home({ user, view }) {
    this.homes[user] = view;
  }

  on_modals({ user, views }) {
    this.modals[user] = views;
  }

  on_prompts({ user, title, prompts }) {
    this.prompts[user] = { title, prompts };
  }

  on_channels({ channels }) {
    this.channels = channels;
  }

  on_bot({ state, error }) {
    this.world.bot = { state, error };
  }

  on_connections({ count }) {
    this.connections = count;
  }

  on_problem({ text }) {
    this.problems.push(text);
  }

  on_inspect({ lane, entry }) {
    const entries = this.lanes[lane];
    entries?.set(entry.id, entry);
    if (entries?.size > KEPT_ENTRIES) entries.delete(entries.keys().next().value);
  }

  person(id) {
    return this.people.find((person) => person.id === id);
  }

  nameOf(id) {
    return id === this.botUser ? "kubeai" : this.person(id)?.name;
  }

  channel(id) {
    return this.channels.find((channel) => channel.id === id);
  }

  /** Names for mentions, as `viewer` reads them. */
  names(viewer) {
    return { viewer, user: (id) => this.nameOf(id), channel: (id) => this.channel(id)?.name };
  }

  /** Members read a channel; so does everybody of the organisation who is no guest. */
  reads(channel, viewer) {
    const place = this.channel(channel);
    const person = this.person(viewer);
    return Boolean(place?.members.includes(viewer) || (place && person && !place.is_im && !person.guest && !person.stranger));
  }

  /** What `viewer` sees of a channel, oldest first. */
  seen(channel, viewer) {
    if (!this.reads(channel, viewer)) return [];
    return [...this.messages.values()]
      .filter((message) => message.channel === channel && (!message.ephemeral_to || message.ephemeral_to === viewer))
      .sort((one, other) => Number(one.ts) - Number(other.ts));
  }

  roots(channel, viewer) {
    return this.seen(channel, viewer).filter((message) => !message.thread_ts || message.thread_ts === message.ts);
  }

  replies(channel, thread, viewer) {
    return this.seen(channel, viewer).filter((message) => message.thread_ts === thread && message.ts !== thread);
  }

  session(channel, thread) {
    return this.sessions.get(keyOf(channel, thread));
  }

  working(channel, thread) {
    const session = this.session(channel, thread);
    return Boolean(session && (session.status === "processing" || session.text));
  }
}
