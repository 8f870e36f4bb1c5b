import { refuse } from "./error.js";

/** Whether a topic name or a level of a filter holds a wildcard. */
export function hasWildcard(text: string): boolean {
  return text.includes("+") || text.includes("#");
}

/** A topic name to publish to (MQTT 3.1.1 §4.7): not empty, no wildcard. Its characters are checked when it is encoded. */
export function checkTopic(topic: string): void {
  if (!topic || hasWildcard(topic)) refuse("PUBLISH", "topic");
}

/** A topic filter: wildcards fill a whole level, `#` only the last (§4.7.1). */
export function checkFilter(filter: string): void {
  const levels = filter.split("/");
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] ?? "";
    if ((hasWildcard(level) && level.length > 1) || (level === "#" && i + 1 < levels.length) || !filter)
      refuse("SUBSCRIBE", "topic filter");
  }
}
