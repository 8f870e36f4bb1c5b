import { atLeast, atMost, shown, type Chapter } from "./figure.js";
import { BAUD, HOST, Scene, TCP_PORT, type UartCount } from "./scene.js";

const PAYLOAD_BYTES = 10_240;
const CHARACTER_MS = 10_000 / BAUD;
const PAYLOAD_MS = PAYLOAD_BYTES * CHARACTER_MS;
/** Command line and payload each wait for an answer. */
const TURNS_PER_SEND = 2;
/** Idle characters after which a short answer is told to the firmware. */
const IDLE_CHARACTERS = 4;

/** From the write to the confirmation of its last byte. */
async function upload(charged: boolean, answerMs: number): Promise<UartCount> {
  return Scene.run({ entry: "test-host/bench/programs/tcp", charged, answerMs }, async scene => {
    await scene.expect("online");
    await scene.rest();
    scene.send("open", HOST, TCP_PORT);
    await scene.expect("open");
    await scene.rest();
    return scene.cost(async () => {
      scene.send("send", PAYLOAD_BYTES);
      await scene.expect("sent");
    });
  });
}

/** The time that wire and module need by themselves. */
function boundMs(cost: UartCount, answerMs: number): number {
  const turns = cost.commands * TURNS_PER_SEND;
  return cost.bytes * CHARACTER_MS + turns * (answerMs + IDLE_CHARACTERS * CHARACTER_MS);
}

export async function throughput(): Promise<Chapter> {
  const free = await upload(false, 0);
  const charged = await upload(true, 0);
  const freeSlow = await upload(false, 40);
  const chargedSlow = await upload(true, 40);
  const share = (cost: UartCount): number => (100 * PAYLOAD_MS) / cost.atMs;
  const limit = 1.03 * boundMs(freeSlow, 40);
  return {
    title: "10 KB up at 115,200 baud",
    note:
      "Payload time is that of the 10,240 bytes alone on the wire, 889 ms. " +
      "The bound is UART bytes x 10 / baud + turns x (answer time + 4 characters).",
    figures: [
      atLeast("payload time of elapsed, module answers at once, engine free", share(free), "%", 95),
      shown("the same with engine time charged", share(charged), "%"),
      atMost("elapsed, module answers after 40 ms, engine free", freeSlow.atMs, "ms", limit),
      shown("the same with engine time charged", chargedSlow.atMs, "ms"),
    ],
  };
}
