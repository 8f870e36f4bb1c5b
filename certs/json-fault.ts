const TOKEN =
  /[{}[\]:,]|"(?:[^"\\\p{Cc}]|[\u007F-\u009F]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/** What may come next: `comma` is behind a value. */
type Wanted = "value" | "first-value" | "name" | "first-name" | "colon" | "comma" | "end";

/** What follows a token where `wanted` is; `undefined`: it must not be there. `open`: brackets that are open. */
function after(token: string, wanted: Wanted, open: string[]): Wanted | undefined {
  const closed = (): Wanted => (open.length === 0 ? "end" : "comma");
  if (token === "}" || token === "]") {
    const mayClose = wanted === "comma" || wanted === (token === "}" ? "first-name" : "first-value");
    return mayClose && open.pop() === (token === "}" ? "{" : "[") ? closed() : undefined;
  }
  if (token === ":") return wanted === "colon" ? "value" : undefined;
  if (token === ",") {
    if (wanted !== "comma") return undefined;
    return open.at(-1) === "{" ? "name" : "value";
  }
  if (wanted === "name" || wanted === "first-name") return token.startsWith('"') ? "colon" : undefined;
  if (wanted !== "value" && wanted !== "first-value") return undefined;
  if (token !== "{" && token !== "[") return closed();
  open.push(token);
  return token === "{" ? "first-name" : "first-value";
}

/**
 * The line of a text, from 1, in which it stops being JSON (RFC 8259), its last one when the end is missing; 0: nowhere. An
 * engine's own message shows what stands there, which may be a passphrase in a file that was given by mistake.
 */
export function jsonFaultLine(text: string): number {
  const open: string[] = [];
  let wanted: Wanted = "value";
  let at = 0;
  const token = new RegExp(TOKEN);
  const line = (): number => text.slice(0, at).split("\n").length;
  for (;;) {
    while (/[ \t\r\n]/.test(text[at] ?? "")) at++;
    if (at >= text.length) return wanted === "end" ? 0 : line();
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    const next: Wanted | undefined = found === undefined ? undefined : after(found, wanted, open);
    if (found === undefined || next === undefined) return line();
    wanted = next;
    at += found.length;
  }
}
