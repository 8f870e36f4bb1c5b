import { invalid } from "./error.js";

/** A topic name to publish to (MQTT 3.1.1 §4.7): not empty, no wildcard. Its characters are checked when it is encoded. */
export function checkTopic(topic: string): void {
  if (topic === "" || topic.includes("+") || topic.includes("#")) throw invalid("PUBLISH", "topic");
}

/** A topic filter: wildcards fill a whole level, `#` only the last (§4.7.1). */
export function checkFilter(filter: string): void {
  const levels = filter.split("/");
  for (let i = 0; i < levels.length; i += 1) {
    const level = levels[i] ?? "";
    const wildcard = level.includes("+") || level.includes("#");
    if ((wildcard && level.length > 1) || (level === "#" && i + 1 < levels.length) || filter === "")
      throw invalid("SUBSCRIBE", "topic filter");
  }
}
