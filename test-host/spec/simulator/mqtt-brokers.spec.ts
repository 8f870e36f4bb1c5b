import assert from "node:assert/strict";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { AtBench } from "./at-bench.js";
import { assertSame, identities, startBroker, type Broker, type Identities } from "./mqtt-brokers.js";

/** Quotes and line ends, every byte value, and much. */
const payloads: readonly Buffer[] = [
  Buffer.from('{"a":"1","b":2}\r\nOK\r\n+QMTSTAT: 0,1\r\n'),
  Buffer.from(Array.from({ length: 256 }, (_, value) => value)),
  Buffer.alloc(4_000, "0123456789"),
];

async function bench(port: number): Promise<AtBench<LoopbackNetwork>> {
  const resolve = [`broker.test=127.0.0.1:${String(port)}`];
  return new AtBench<LoopbackNetwork>({
    scheduler: new Scheduler({ mode: "sockets" }),
    network: scheduler => new LoopbackNetwork({ scheduler, resolve }),
  }).ready();
}

/** Mutual TLS in context 2. */
async function storeCredentials(at: AtBench<LoopbackNetwork>, keys: Identities): Promise<void> {
  await upload(at, "ca.pem", keys.ca);
  await upload(at, "cert.pem", keys.device.certificatePem);
  await upload(at, "key.pem", keys.device.keyPem);
  for (const item of ['"cacert",2,"ca.pem"', '"clientcert",2,"cert.pem"', '"clientkey",2,"key.pem"'])
    await at.ask(`AT+QSSLCFG=${item}`);
  await at.ask('AT+QSSLCFG="seclevel",2,2');
}

async function upload(at: AtBench<LoopbackNetwork>, name: string, text: string): Promise<void> {
  await at.ask(`AT+QFUPL="${name}",${String(text.length)}`);
  await at.exchange(text, /OK\r\n$/);
}

for (const kind of ["mosquitto", "aedes"] as const) {
  for (const transport of ["TCP", "TLS"] as const) {
    describe(`AT script of a BG95 against ${kind} over ${transport}`, () => {
      let broker: Broker | undefined;
      let keys: Identities | undefined;
      let at: AtBench<LoopbackNetwork>;

      before(async function () {
        keys = transport === "TLS" ? await identities("P-256") : undefined;
        broker = await startBroker(kind, this, keys);
      });

      after(async () => {
        await broker?.stop();
      });

      beforeEach(async () => {
        at = await bench(broker?.port ?? 0);
        if (keys) await storeCredentials(at, keys);
        await open(0);
      });

      afterEach(() => at.network.close());

      async function open(client: number, ...configuration: readonly string[]): Promise<void> {
        const own = String(client);
        if (keys) await at.ask(`AT+QMTCFG="ssl",${own},1,2`);
        for (const item of ['"version",N,4', '"recv/mode",N,0,1', ...configuration])
          await at.ask(`AT+QMTCFG=${item.replace("N", own)}`);
        const opened = await at.exchange(`AT+QMTOPEN=${own},"broker.test",8883\r`, /QMTOPEN: .*\r\n$/);
        assert.equal(opened, `\r\nOK\r\n\r\n+QMTOPEN: ${own},0\r\n`);
      }

      function connect(client: number): Promise<string> {
        const own = String(client);
        return at.exchange(`AT+QMTCONN=${own},"device-${own}"\r`, new RegExp(`QMTCONN: ${own},0,0\r\n$`));
      }

      /** Publishes to its own subscription; returns the head of +QMTRECV. */
      async function loop(qos: number, bytes: Buffer): Promise<string> {
        const id = qos === 0 ? 0 : 77;
        const line = `AT+QMTPUB=0,${String(id)},${String(qos)},0,"up/1",${String(bytes.length)}`;
        assert.equal(await at.ask(line), "\r\n> ");
        const result = `\r\n+QMTPUB: 0,${String(id)},0\r\n`;
        const text = bytes.toString("latin1");
        const message = new RegExp(`\r\n\\+QMTRECV: 0,\\d+,"up/1",${String(bytes.length)},`);
        let heard = "";
        at.type(bytes);
        const isComplete = (): boolean => {
          heard += at.take();
          return heard.includes(result) && message.test(heard) && heard.includes(`"${text}"\r\n`);
        };
        await at.scheduler.run({ until: isComplete, untilMs: at.scheduler.nowMs + 60_000 });
        const head = message.exec(heard)?.[0] ?? "";
        assert.ok(head !== "", JSON.stringify(heard.slice(0, 200)));
        assertSame(heard.replace(result, "").replace("\r\nOK\r\n", ""), `${head}"${text}"\r\n`);
        return head;
      }

      for (const qos of [0, 1, 2]) {
        it(`publishes with QoS ${String(qos)} and gets every payload back as it was`, async () => {
          await connect(0);
          const granted = await at.exchange(`AT+QMTSUB=0,1,"up/+",${String(qos)}\r`, /QMTSUB: .*\r\n$/);
          assert.match(granted, new RegExp(`QMTSUB: 0,1,0,${String(qos)}\r\n$`));
          for (const bytes of payloads) {
            const head = await loop(qos, bytes);
            assert.equal(/RECV: 0,0,/.test(head), qos === 0, head);
          }
        });
      }

      it("unsubscribes, disconnects, and hears the broker close", async () => {
        await connect(0);
        await at.exchange('AT+QMTSUB=0,1,"a",1,"b",2\r', /QMTSUB: 0,1,0,1,2\r\n$/);
        await at.exchange('AT+QMTUNS=0,2,"a","b"\r', /QMTUNS: 0,2,0\r\n$/);
        const ended = await at.exchange("AT+QMTDISC=0\r", /QMTSTAT: .*\r\n$/);
        assert.equal(ended, "\r\nOK\r\n\r\n+QMTDISC: 0,0\r\n\r\n+QMTSTAT: 0,5\r\n");
        assert.equal(await at.ask("AT+QMTOPEN?"), "\r\nOK\r\n");
      });

      it("keeps the connection by PINGREQ", async () => {
        await open(1, '"keepalive",N,600');
        await connect(1);
        assert.equal(await at.pass(2_500_000), "");
        assert.match(await at.ask("AT+QMTCONN?"), /QMTCONN: 1,3/);
      });

      it("leaves its will when it is closed without DISCONNECT", async () => {
        await open(1, '"will",N,1,1,0,"gone/1","closed"');
        await connect(0);
        await at.exchange('AT+QMTSUB=0,1,"gone/+",1\r', /QMTSUB: 0,1,0,1\r\n$/);
        await connect(1);
        at.type("AT+QMTCLOSE=1\r");
        assert.match(await at.wait(/QMTRECV: [^]*\r\n$/), /\+QMTRECV: 0,\d+,"gone\/1",6,"closed"\r\n/);
      });

      it("is told what waited in its session", async () => {
        await open(1, '"session",N,0');
        await connect(0);
        await connect(1);
        await at.exchange('AT+QMTSUB=1,1,"kept",1\r', /QMTSUB: 1,1,0,1\r\n$/);
        await at.exchange("AT+QMTDISC=1\r", /QMTSTAT: 1,5\r\n$/);
        await at.exchange('AT+QMTPUBEX=0,5,1,0,"kept","for later"\r', /QMTPUB: 0,5,0\r\n$/);
        await at.exchange('AT+QMTOPEN=1,"broker.test",8883\r', /QMTOPEN: 1,0\r\n$/);
        at.type('AT+QMTCONN=1,"device-1"\r');
        assert.match(await at.wait(/QMTRECV: [^]*\r\n$/), /1,\d+,"kept",9,"for later"\r\n/);
      });
    });
  }
}
