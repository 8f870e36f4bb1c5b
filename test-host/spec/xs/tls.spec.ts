import assert from "node:assert/strict";
import { ENGINES } from "./support.js";
import { withLine, type LineOptions, type TlsLine } from "./tls-line.js";
import { identities, mutual, type Identities } from "./tls-peer.js";

describe("TLS engines of the host, driven by firmware", () => {
  let ids: Identities;

  before(async function () {
    this.timeout(30_000);
    ids = await identities();
  });

  for (const engine of ENGINES) {
    const run = (work: (line: TlsLine) => Promise<void>, options: Partial<LineOptions> = {}): Promise<void> =>
      withLine({ engine, identities: ids, server: mutual(ids), ...options }, work);

    describe(engine, () => {
      it("does a mutual handshake with TLS 1.2, one transmit for each record, and tells the suite", async () => {
        await run(async line => {
          assert.deepEqual(await line.order({ run: "open" }), [["connected", 0xc02f]]);
          assert.equal(line.peer.socket?.authorized, true);
          assert.equal(line.peer.socket.getProtocol(), "TLSv1.2");
          const certificate = ids.client.certificate.length + 15;
          assert.deepEqual(line.transmitted.slice(1), [certificate, 75, 269, 6, 45]);
        });
      });
    });
  }
});
