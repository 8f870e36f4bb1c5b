const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for XML or HTML, in an element or a quoted attribute. What XML 1.0 does not take at all becomes `?`. */
export function escapeXml(text: string): string {
  return (
    text
      // eslint's control-character rule does not know property escapes: surrogates and controls but tab and line ends.
      .replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\uFFFE\uFFFF]/gu, "?")
      .replace(/[&<>"']/g, mark => ENTITIES[mark] ?? mark)
  );
}
