// C0 but tab and line feed, DEL, C1, and what turns the direction of text or hides in it
const invisible =
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060\\u2066-\\u2069\\ufeff]";
const unseen = new RegExp(invisible, "g");
// those that style.ts makes
const unseenOrColour = new RegExp(`\\u001b\\[(?:1|2|22|3[1-36]|39)m|${invisible}`, "g");

/**
 * Text from anywhere, for people: what would move the cursor, start a colour, ring, or turn or hide text is written
 * out as `\x1b`. Line ends stay.
 */
export function visible(text: string): string {
  return text.replace(unseen, escaped);
}

/** The same for what belongs on one line, such as a name or a path: a line break in it starts none. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll("\n", "\\n");
}

/** The same for text that lbctl has coloured. */
export function visibleInColour(text: string): string {
  return text.replace(unseenOrColour, (found) => (found.length > 1 ? found : escaped(found)));
}

/** JSON that says the same and shows all that is in it. */
export function visibleJson(json: string): string {
  return json.replace(unseen, (character) => `\\u${hex(character, 4)}`);
}

function escaped(character: string): string {
  return character < "\u0100" ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
