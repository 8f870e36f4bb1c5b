import assert from "node:assert/strict";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Bc66Bench } from "./bc66-bench.js";
import { assertSame, identities, startBroker, type Broker, type Identities } from "./mqtt-brokers.js";

/** What text mode can carry: no Ctrl+Z, no ESC. */
const texts: readonly string[] = [
  'i am json : "{"a":"1","b":"2"}"',
  "a\r\nOK\r\n\0\xff;b",
  "0123456789".repeat(100),
];
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));

async function bench(port: number): Promise<Bc66Bench<LoopbackNetwork>> {
  const scheduler = new Scheduler({ mode: "sockets" });
  const resolve = [`broker.test=127.0.0.1:${String(port)}`];
  // The broker's certificate begins today: a module that lives on another day refuses it.
  const settings = { epochMs: Date.now() };
  return new Bc66Bench(scheduler, new LoopbackNetwork({ scheduler, resolve }), { settings }).ready();
}

for (const kind of ["mosquitto", "aedes"] as const) {
  for (const transport of ["TCP", "TLS"] as const) {
    describe(`AT script of a BC66 against ${kind} over ${transport}`, () => {
      let broker: Broker | undefined;
      let keys: Identities | undefined;
      let at: Bc66Bench<LoopbackNetwork>;

      before(async function () {
        keys = transport === "TLS" ? await identities("RSA-2048") : undefined;
        broker = await startBroker(kind, this, keys);
      });

      after(async () => {
        await broker?.stop();
      });

      beforeEach(async () => {
        at = await bench(broker?.port ?? 0);
        if (keys) {
          await upload("cacert", keys.ca);
          await upload("clientcert", keys.device.certificatePem);
          await upload("clientkey", keys.device.keyPem);
          await at.ask('AT+QSSLCFG=1,5,"seclevel",2');
          await at.ask('AT+QMTCFG="ssl",0,1,1,5');
        }
        await at.ask('AT+QMTCFG="version",0,4');
      });

      afterEach(() => at.network.close());

      async function upload(name: string, text: string): Promise<void> {
        await at.ask(`AT+QSSLCFG=1,5,"${name}"`);
        assert.match(await at.exchange(`${text}\x1a`, /(OK|ERROR)\r\n$/), /OK/);
      }

      async function connect(): Promise<void> {
        const opened = await at.exchange('AT+QMTOPEN=0,"broker.test",8883\r', /QMTOPEN: .*\r\n$/);
        assert.equal(opened, "\r\nOK\r\n\r\n+QMTOPEN: 0,0\r\n");
        await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: 0,0,0\r\n$/);
      }

      /** Publishes at the prompt to its own subscription, and compares the URC byte by byte. */
      async function loop(qos: number, typed: string, heardAs = typed): Promise<void> {
        const id = qos === 0 ? "0" : "77";
        assert.match(await at.ask(`AT+QMTPUB=0,${id},${String(qos)},0,"up/1"`), /^\r\n> ?$/);
        const result = `\r\n+QMTPUB: 0,${id},0\r\n`;
        let heard = "";
        at.type(`${typed}\x1a`);
        const isComplete = (): boolean => {
          heard += at.take();
          return heard.includes(result) && heard.includes(`"up/1","${heardAs}"\r\n`);
        };
        await at.scheduler.run({ until: isComplete, untilMs: at.scheduler.nowMs + 60_000 });
        const head = /\r\n\+QMTRECV: 0,\d+,"up\/1",/.exec(heard)?.[0] ?? "";
        assert.ok(head !== "", JSON.stringify(heard.slice(0, 200)));
        assertSame(heard.replace(result, "").replace("\r\nOK\r\n", ""), `${head}"${heardAs}"\r\n`);
        assert.equal(head.includes("RECV: 0,0,"), qos === 0, head);
      }

      for (const qos of [0, 1, 2]) {
        it(`publishes with QoS ${String(qos)} and gets every payload back as it was`, async () => {
          await connect();
          await at.exchange(`AT+QMTSUB=0,1,"up/+",${String(qos)}\r`, /QMTSUB: 0,1,0,\d\r\n$/);
          for (const text of texts) await loop(qos, text);
          await at.ask('AT+QMTCFG="dataformat",0,1,1');
          await loop(qos, allBytes.toString("hex").toUpperCase());
        });
      }

      it("publishes from the command line, unsubscribes, and hears the broker close after AT+QMTDISC", async () => {
        await connect();
        await at.exchange('AT+QMTSUB=0,1,"t",1\r', /QMTSUB: 0,1,0,1\r\n$/);
        at.type(`AT+QMTPUB=0,4,1,0,"t","${texts[0] ?? ""}"\r`);
        const heard = await at.wait(/(?=[^]*QMTPUB: 0,4,0\r\n)(?=[^]*QMTRECV: [^]*"\r\n)/);
        assert.ok(heard.includes(`"t","${texts[0] ?? ""}"\r\n`), JSON.stringify(heard));
        await at.exchange('AT+QMTUNS=0,2,"t"\r', /QMTUNS: 0,2,0\r\n$/);
        const ended = await at.exchange("AT+QMTDISC=0\r", /QMTSTAT: .*\r\n$/);
        assert.equal(ended, "\r\nOK\r\n\r\n+QMTDISC: 0,0\r\n\r\n+QMTSTAT: 0,5\r\n");
      });

      if (transport === "TLS") {
        it("is refused with -1 when a CA does not fit", async () => {
          const strangers = await identities("P-256");
          await upload("cacert", strangers.ca);
          const answer = await at.exchange('AT+QMTOPEN=0,"broker.test",8883\r', /QMTOPEN: .*\r\n$/);
          assert.equal(answer, "\r\nOK\r\n\r\n+QMTOPEN: 0,-1\r\n");
        });
      }
    });
  }
}
