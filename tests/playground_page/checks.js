// What the browser tests look at from inside the page. One object; browser.py evaluates it and calls one of its members.
({
  TAGS: new Set(
    ("DIV SPAN P BR HR A STRONG EM S U MARK CODE PRE BLOCKQUOTE UL OL LI H3 H4 H5 H6 TABLE CAPTION THEAD TBODY TR TH TD BUTTON INPUT " +
      "TEXTAREA SELECT OPTION OPTGROUP FIELDSET LEGEND LABEL DETAILS SUMMARY SMALL TIME IMG svg path").split(" "),
  ),

  // Everything in `box` that rendered content may not hold.
  faults(box) {
    return [...box.querySelectorAll("*")].flatMap((node) => {
      const found = [];
      if (!this.TAGS.has(node.tagName)) found.push(`element ${node.tagName}`);
      for (const { name, value } of node.attributes) {
        if (/^on|^style$|^srcdoc$|^formaction$/.test(name)) found.push(`attribute ${name}`);
        if (name === "href" && !/^(https?|mailto):/.test(value)) found.push(`link to ${value}`);
        if (name === "src" && !/^\/files\/F[A-Z0-9]+$/.test(value)) found.push(`source ${value}`);
      }
      const guarded = node.target === "_blank" && /noopener/.test(node.rel) && /noreferrer/.test(node.rel);
      if (node.tagName === "A" && !guarded) found.push("a link without noopener");
      return found;
    });
  },

  context(entries) {
    const names = { viewer: "U0MIA", user: (id) => (id === "U0MIA" ? "Mia" : undefined), channel: () => "<i>general" };
    const people = [{ id: "U0MIA", name: "<b>Mia" }];
    const channels = [{ id: "C0ONCALL", name: "shop-oncall" }];
    return { key: "fuzz", viewer: "U0MIA", channel: "C0ONCALL", people, channels, names, entries, errors: {}, folds: new Set(), act() {} };
  },

  // Draws each message's blocks on the page, as parts of a form or not: [faults, type of the flag that no script may set].
  async drawBlocks([json, inForm]) {
    const { renderBlocks } = await import("/static/blocks.js");
    const found = [];
    for (const [at, blocks] of JSON.parse(json).entries()) {
      const box = document.createElement("section");
      document.body.append(box);
      try {
        box.append(renderBlocks(blocks, this.context(inForm ? new Map() : undefined)));
        for (const node of box.querySelectorAll("details")) node.open = true;
        found.push(...this.faults(box).map((fault) => `${at}: ${fault}`));
        if (box.querySelector(".unknown") && !/data_visualization|auth_provider|call/.test(box.querySelector(".unknown").textContent)) found.push(`${at}: not drawn`);
      } catch (error) {
        found.push(`${at}: ${error.stack}`);
      }
      box.remove();
    }
    await new Promise(requestAnimationFrame);
    return [found, typeof window.__pwned];
  },

  // Draws each text in every way that there is: [faults, milliseconds that the slowest took].
  async drawTexts(texts) {
    const { markdown } = await import("/static/markdown.js");
    const { mrkdwn, plain } = await import("/static/mrkdwn.js");
    const found = [];
    let slowest = 0;
    for (const text of texts)
      for (const draw of [markdown, plain, (each) => mrkdwn(each, this.context().names)]) {
        const box = document.createElement("section");
        const began = performance.now();
        try {
          box.append(draw(text));
        } catch (error) {
          found.push(`${JSON.stringify(text.slice(0, 200))}: ${error.stack}`);
        }
        slowest = Math.max(slowest, performance.now() - began);
        found.push(...this.faults(box).map((fault) => `${JSON.stringify(text.slice(0, 200))}: ${fault}`));
      }
    return [found, slowest];
  },

  // HTML of a text, without the attributes that do not matter to its meaning.
  async shownAs([module, text]) {
    const { [module]: draw } = await import(`/static/${module}.js`);
    const names = { viewer: "U0OMAR", user: (id) => ({ U0MIA: "Mia" })[id], channel: (id) => ({ C0ONCALL: "shop-oncall" })[id] };
    const box = document.createElement("section");
    box.append(module === "markdown" ? draw(text) : draw(text, names));
    return box.innerHTML.replace(/ (rel|target|title|class|tabindex|role|aria-label)="[^"]*"/g, "");
  },

  async drawUnknown(block) {
    const { renderBlock } = await import("/static/blocks.js");
    const box = renderBlock(block, this.context());
    return [box.className, box.textContent];
  },

  // Panes that are wider than the screen.
  wide() {
    return [...document.querySelectorAll("html, #app, .pane, .messages")].filter((node) => node.scrollWidth > innerWidth).map((node) => node.className || node.tagName);
  },

  // Visible texts whose contrast is below 4.5 (WCAG 2.2, AA).
  faintTexts() {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parsed = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = ([red, green, blue]) => 0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
    const ground = (node) => {
      for (; node; node = node.parentElement) {
        const colour = parsed(getComputedStyle(node).backgroundColor);
        if (colour[3] > 250) return colour;
      }
      return [255, 255, 255];
    };
    const found = [];
    for (const node of document.querySelectorAll("#app *")) {
      const text = [...node.childNodes].filter((child) => child.nodeType === 3).map((child) => child.data).join("").trim();
      if (!text || !node.checkVisibility({ opacityProperty: true }) || node.closest(".sr-only")) continue;
      const [one, other] = [light(parsed(getComputedStyle(node).color)), light(ground(node))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.className} ${text.slice(0, 40)}`);
    }
    return found;
  },
})
