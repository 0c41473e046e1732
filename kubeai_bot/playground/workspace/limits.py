"""Slack's limits on what an app sends, one number a line (slack.md §2.2–2.4; docs.slack.dev, Block Kit reference)."""

from __future__ import annotations

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_VIEW_BYTES = 250_000
MAX_VIEW_STACK = 3
VIEW_TITLE_CHARS = 24
PRIVATE_METADATA_CHARS = 3000

MARKDOWN_CHARS = 12_000
"""Characters of one `markdown_text`, one `markdown` block, and of all `markdown` blocks of a message together."""

ID_CHARS = 255
"""`action_id`, `block_id`, `callback_id`, `external_id`."""

URL_CHARS = 3000
ALT_TEXT_CHARS = 2000
TEXT_OBJECT_CHARS = 3000
SECTION_TEXT_CHARS = 3000
MAX_SECTION_FIELDS = 10
SECTION_FIELD_CHARS = 2000
HEADER_CHARS = 150
IMAGE_TITLE_CHARS = 2000
MAX_CONTEXT_ELEMENTS = 10
MAX_ACTIONS = 25
MAX_CONTEXT_ACTIONS = 5
LABEL_CHARS = 2000
PLACEHOLDER_CHARS = 150

BUTTON_TEXT_CHARS = 75
BUTTON_VALUE_CHARS = 2000
AGENT_PROMPT_CHARS = 4000
ACCESSIBILITY_LABEL_CHARS = 75
MAX_VISIBLE_TO = 10
CONFIRM_TITLE_CHARS = 100
CONFIRM_TEXT_CHARS = 300
CONFIRM_BUTTON_CHARS = 30

MAX_OPTIONS = 100
MAX_OPTION_GROUPS = 100
MAX_CHOICES = 10
"""Options of radio buttons and checkboxes."""
MAX_OVERFLOW_OPTIONS = 5
OPTION_TEXT_CHARS = 75
OPTION_VALUE_CHARS = 150
INPUT_CHARS = 3000
MAX_INPUT_LINES = 100
MAX_INPUT_FILES = 10

PROVIDER_NAME_CHARS = 75
"""Name, identity and context of an `auth_provider`."""
PROVIDER_VALUE_CHARS = 150
"""Value and description of an `auth_provider`."""
VIDEO_TITLE_CHARS = 199
VIDEO_AUTHOR_CHARS = 49

MAX_TABLES = 1
MAX_DATA_TABLE_ROWS = 201
"""A header and 200 more (older pages of the docs say 100)."""
MAX_PAGE_SIZE = 100
MAX_CHARTS = 2
MAX_CHART_SERIES = 12
"""Series of a chart, segments of a pie."""
MAX_CHART_CATEGORIES = 20
CHART_LABEL_CHARS = 20
CHART_TITLE_CHARS = 50
"""Title of a chart and of its axes."""
MAX_TABLE_ROWS = 100
MAX_TABLE_COLUMNS = 20
TABLE_CHARS = 10_000

ALERT_CHARS = 200
"""As `slackapi/java-slack-sdk` documents it; the reference page names no limit."""
CARD_TITLE_CHARS = 150
CARD_BODY_CHARS = 200
MAX_CARD_ACTIONS = 5
MAX_CARDS = 10
MAX_CONTAINER_CHILDREN = 10
CONTAINER_TITLE_CHARS = 150
MAX_LIST_INDENT = 8

CARD_STRING_CHARS = 256
"""Ids, titles, details and output of streamed task cards, and titles of plans and task cards as blocks."""
MAX_TASKS = 50

TASK_STATUSES = ("pending", "in_progress", "complete", "error")
SESSION_STATUSES = ("processing", "active", "suspended", "closed")
SESSION_TITLE_CHARS = 200
MAX_LOADING_MESSAGES = 10
LOADING_MESSAGE_CHARS = 50
MAX_PROMPTS = 4
MAX_ATTACHMENTS = 100
METADATA_BYTES = 16_000
MAX_UPLOAD_BYTES = 1_000_000_000
UPLOAD_ALT_CHARS = 1000
