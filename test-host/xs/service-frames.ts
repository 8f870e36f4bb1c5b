import { Reader, Writer } from "./frames.js";
import type { TlsCallback } from "./service-types.js";
import type { HostServices } from "./services.js";

/** Questions of the XS host to Node within a turn; `host/service.c` and `host/tls.c` are their counterpart. */

const CALLBACKS: readonly TlsCallback["kind"][] = ["transmit", "connected", "received", "closed", "failed"];

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

function suiteBytes(cipherSuite: number | undefined): Uint8Array {
  return cipherSuite === undefined ? NOTHING : Uint8Array.of(cipherSuite, cipherSuite >> 8);
}

function contents(callback: TlsCallback): Uint8Array {
  switch (callback.kind) {
    case "transmit":
    case "received":
      return callback.bytes;
    case "connected":
      return suiteBytes(callback.cipherSuite);
    case "closed":
      return NOTHING;
    case "failed":
      return encoder.encode(callback.message);
  }
}

function readOptional(reader: Reader): Uint8Array | undefined {
  return reader.u8() ? reader.block() : undefined;
}

function open(services: HostServices, id: number, reader: Reader): void {
  const nowMs = reader.double();
  const serverName = reader.text();
  const verify = reader.u8() !== 0;
  const ca = readOptional(reader);
  const certificate = readOptional(reader);
  const key = readOptional(reader);
  services.open(id, nowMs, { serverName, verify, ca, certificate, key });
}

const QUESTIONS = [
  "open",
  "start",
  "receive",
  "write",
  "end",
  "close",
  "sign",
  "generateKey",
  "openKey",
  "signWith",
] as const;

/** Does what is asked for; gives the answer's bytes where it carries no callbacks. */
function serve(services: HostServices, reader: Reader): Uint8Array | undefined {
  const question = QUESTIONS[reader.u8()];
  if (question === "sign") return services.sign(reader.block()) ?? NOTHING;
  if (question === "generateKey") return services.generateKey() ?? NOTHING;
  if (question === "openKey") return services.openKey(reader.block()) ?? NOTHING;
  if (question === "signWith") return services.signWith(reader.block(), reader.block()) ?? NOTHING;
  const id = reader.u32();
  switch (question) {
    case "open":
      open(services, id, reader);
      return NOTHING;
    case "close":
      services.close(id);
      return NOTHING;
    case "start":
      services.start(id);
      return undefined;
    case "receive":
      services.receive(id, reader.double(), reader.block());
      return undefined;
    case "write":
      reader.double();
      services.write(id, reader.block());
      return undefined;
    case "end":
      services.end(id);
      return undefined;
    default:
      throw new Error("unknown question");
  }
}

/** The answer to a question: steps to charge, whether it was done, then a block of bytes or callbacks. */
export async function answerService(services: HostServices, reader: Reader): Promise<Uint8Array> {
  let result: Uint8Array | undefined;
  const refusal = services.refusal(() => {
    result = serve(services, reader);
  });
  if (refusal !== undefined) return new Writer("S").u32(services.takeSteps()).u8(0).text(refusal).end();
  const callbacks = result ? [] : await services.callbacks();
  const frame = new Writer("S").u32(services.takeSteps()).u8(1);
  if (result) frame.block(result);
  for (const callback of callbacks)
    frame.u8(CALLBACKS.indexOf(callback.kind)).u32(callback.id).block(contents(callback));
  return frame.end();
}
