import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import type { FirmwareConfig } from "../../../hosts/firmware/config.js";
import type { Host } from "../../../hosts/firmware/host.js";
import { withUnit } from "../../../hosts/firmware/unit.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { bareHost, config, type Report } from "./hosts.js";
import { ManualTime } from "./manual-timer.js";

const MAC = "246F28A1B2C3";

const MARKED: Partial<FirmwareConfig> = {
  clientId: "{unit}",
  user: "fleet/{unit}/?api=1",
  topic: "devices/{unit}/telemetry/{unit}",
  subscribe: "devices/{unit}/command",
};

describe("the unit's name in the configuration", () => {
  let ca: Authority;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
  });

  let reports: Report[];
  beforeEach(() => {
    reports = [];
  });

  function hostOf(parts: Partial<Host>, changes: Partial<FirmwareConfig> = MARKED): Host {
    return bareHost(new ManualTime(), reports, { config: { ...config, ...changes }, ...parts });
  }

  function withCertificate(certificate: Uint8Array): Pick<Host, "credentials"> {
    const stored = new BytesCredential(certificate);
    return { credentials: { open: role => (role === "certificate" ? stored : undefined) } };
  }

  async function certified(commonName: string): Promise<Pick<Host, "credentials">> {
    return withCertificate((await ca.client({ commonName })).certificate);
  }

  it("is the certificate's common name, wherever it stands", async () => {
    const host = withUnit(hostOf({ ...(await certified("unit-0007")), unit: MAC }));
    const { clientId, user, topic, subscribe } = host?.config ?? assert.fail();
    assert.deepEqual(
      [clientId, user, topic, subscribe],
      [
        "unit-0007",
        "fleet/unit-0007/?api=1",
        "devices/unit-0007/telemetry/unit-0007",
        "devices/unit-0007/command",
      ],
    );
    assert.deepEqual(reports, []);
  });

  it("is the platform's where the module holds the certificate, whatever the device has in its store", async () => {
    const host = hostOf(
      { ...(await certified("unit-0007")), unit: MAC },
      { ...MARKED, credentials: "module" },
    );
    assert.equal(withUnit(host)?.config.clientId, MAC);
  });

  it("is the platform's without a certificate, and two units differ", () => {
    assert.equal(withUnit(hostOf({ unit: MAC }))?.config.clientId, MAC);
    assert.equal(withUnit(hostOf({ unit: "246F28A1B2C4" }))?.config.clientId, "246F28A1B2C4");
  });

  it("is the platform's when what is stored is no certificate", () => {
    const parts = withCertificate(new Uint8Array(100).fill(0x30));
    assert.equal(withUnit(hostOf({ ...parts, unit: MAC }))?.config.clientId, MAC);
  });

  // Of a topic filter it would make one for the whole fleet.
  for (const commonName of ["#", "a+b", "a/b", "+"])
    it(`is never the common name ${commonName}, and that is told`, async () => {
      const host = withUnit(hostOf({ ...(await certified(commonName)), unit: MAC }));
      assert.equal(host?.config.subscribe, `devices/${MAC}/command`);
      assert.deepEqual(
        reports.map(([event, member]) => [event, member]),
        [["warning", "unit"]],
      );
    });

  it("leaves a configuration without a place for it as it is, and opens no credential", () => {
    const host = hostOf({ credentials: { open: () => assert.fail("opened") } }, {});
    assert.equal(withUnit(host), host);
  });

  it("makes no member that was not there", () => {
    const host = withUnit(hostOf({ unit: MAC }, { clientId: "{unit}" }));
    assert.deepEqual(host?.config, { ...config, clientId: MAC });
  });

  it("refuses to start under a name that is none", () => {
    assert.equal(withUnit(hostOf({})), undefined);
    assert.deepEqual(reports, [
      ["failure", "config", "argument", undefined, "clientId", "has {unit}, and this unit has no name"],
      ["gave-up"],
    ]);
  });
});
