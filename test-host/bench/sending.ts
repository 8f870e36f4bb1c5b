import { bc66SendFigures, breakEven } from "./send-cost.js";
import { atMost, shown, type Chapter, type Figure } from "./figure.js";
import { HOST, Scene, TCP_PORT } from "./scene.js";

const TCP = "test-host/bench/programs/tcp";
const PROMPT_PAUSE_MS = 500;
const BAUDS = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
const SMOKE_BAUDS = [9_600, 115_200];
/** More than one send by prompt takes. */
const NEVER = bc66SendFigures.promptMax + 1;
/** Payloads for which the driver's choice is compared with the better way. */
const SIZES = [64, 200, 500, 900, 1_024];

type Way = "prompt" | "hex" | "driver";

interface Measured {
  /** The fewest bytes that go in less time by prompt; `NEVER`. */
  readonly breakEven: number;
  /** What the driver's choice takes more than the better way, at worst, %. */
  readonly regret: number;
}

async function measure(baud: number): Promise<Measured> {
  const options = {
    entry: TCP,
    module: "bc66",
    baud,
    answerMs: bc66SendFigures.turnMs,
    promptPauseMs: PROMPT_PAUSE_MS,
    charged: false,
  } as const;
  return Scene.run(options, async scene => {
    await scene.expect("online");
    scene.send("open", HOST, TCP_PORT);
    await scene.expect("open");
    await scene.rest();
    const sendMs = async (way: Way, byteLength: number): Promise<number> => {
      const before = scene.peer?.receivedBytes ?? 0;
      scene.send("way", way);
      scene.send("send", byteLength);
      const { atMs } = await scene.cost(() => scene.expect("sent"));
      if ((scene.peer?.receivedBytes ?? 0) - before !== byteLength)
        throw new Error("bytes were lost behind the prompt");
      return atMs;
    };
    let never = 0;
    let first = NEVER;
    while (first - never > 1) {
      const middle = (first + never) >> 1;
      if ((await sendMs("prompt", middle)) < (await sendMs("hex", middle))) first = middle;
      else never = middle;
    }
    let regret = 0;
    for (const size of SIZES) {
      const best = Math.min(await sendMs("prompt", size), await sendMs("hex", size));
      regret = Math.max(regret, 100 * ((await sendMs("driver", size)) / best - 1));
    }
    return { breakEven: first, regret };
  });
}

/** From how many bytes on a BC66 is sent to by prompt, measured; beside it what its driver reckons with. */
export async function sending(smoke: boolean): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const baud of smoke ? SMOKE_BAUDS : BAUDS) {
    const measured = await measure(baud);
    const at = `at ${baud.toLocaleString("en")} baud`;
    const reckoned = breakEven(bc66SendFigures, baud);
    figures.push(
      shown(`${at}: fewest bytes that go faster by prompt`, measured.breakEven, "bytes"),
      shown(`${at}: the same as the driver reckons`, reckoned, "bytes"),
      atMost(`${at}: what the driver's choice takes longer, at worst`, measured.regret, "%", 5),
    );
  }
  return {
    title: "BC66: sends by prompt and in hexadecimal digits",
    note:
      `The module answers after ${bc66SendFigures.turnMs} ms and loses what comes within ${PROMPT_PAUSE_MS} ms behind a prompt. ` +
      `${NEVER.toLocaleString("en")}: digits are faster for everything that one send carries.`,
    figures,
  };
}
