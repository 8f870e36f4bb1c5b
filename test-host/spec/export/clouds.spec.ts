import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  awsBulkTemplate,
  awsJitpTemplate,
  exportAwsBulk,
  exportAwsJitp,
  exportAwsWithoutCa,
  ROLE_PLACEHOLDER,
} from "../../../certs/export/aws.js";
import {
  exportAzureEnrollments,
  exportAzureGroup,
  registrationIdFault,
} from "../../../certs/export/azure.js";
import { ExportRefused } from "../../../certs/export/refused.js";
import { all } from "../../factory/settled.js";
import { FilledLedger, unitOf } from "./filled-ledger.js";

async function lines(text: AsyncIterable<string>): Promise<Record<string, unknown>[]> {
  const whole = (await all(text)).join("");
  if (whole === "") return [];
  assert.ok(whole.endsWith("\n"));
  return whole
    .slice(0, -1)
    .split("\n")
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

/** That nothing comes before the refusal, and what it names. */
async function refusal(text: AsyncGenerator<string>): Promise<ExportRefused> {
  const error: unknown = await text.next().then(
    () => assert.fail("something was written"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ExportRefused, String(error));
  return error;
}

function parametersOf(template: string): string[] {
  return Object.keys((JSON.parse(template) as { Parameters: object }).Parameters).sort();
}

describe("exports for clouds", () => {
  let filled: FilledLedger;
  beforeEach(async () => {
    filled = await FilledLedger.open();
  });
  afterEach(() => filled.ledger.close());

  const bulk = () => ({ policy: "device", authorities: [filled.authority.certificate] });

  it("AWS bulk lines hold exactly the template's parameters, with certificates that openssl's parser takes", async () => {
    await filled.bring(unitOf("SN-1", { imei: "490154203237518" }), "done");
    const options = { ...bulk(), attributes: ["imei"] };
    const [line] = await lines(exportAwsBulk(filled.ledger, options));
    assert.ok(line);
    assert.deepEqual(Object.keys(line).sort(), parametersOf(awsBulkTemplate(options)));
    assert.equal(line["ThingName"], "SN-1");
    const certificate = new X509Certificate(String(line["CertificatePem"]));
    const authority = new X509Certificate(String(line["CACertificatePem"]));
    assert.ok(certificate.verify(authority.publicKey));
    assert.match(certificate.subject, /CN=SN-1$/);
  });

  it("an AWS bulk template names every parameter that its resources refer to", () => {
    for (const options of [
      { policy: "p", attributes: ["client_id", "imei"] },
      { policy: "p", mode: "SNI_ONLY" as const },
      { policy: "p", from: "csr" as const, thingType: "gateway", thingGroups: ["eu", "lab"] },
    ]) {
      const template = awsBulkTemplate(options);
      const references = Array.from(template.matchAll(/"Ref": "([^"]+)"/g), found => String(found[1]));
      assert.deepEqual([...new Set(references)].sort(), parametersOf(template));
    }
  });

  it("in SNI_ONLY mode the CA's certificate does not go along", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    const [line] = await lines(exportAwsBulk(filled.ledger, { policy: "p", mode: "SNI_ONLY" }));
    assert.deepEqual(Object.keys(line ?? {}), ["ThingName", "CertificatePem"]);
  });

  it("by request, units that wait for their certificate are exported and no others", async () => {
    await filled.bring(unitOf("SN-1"), "requested");
    await filled.bring(unitOf("SN-2"), "done");
    const found = await lines(exportAwsBulk(filled.ledger, { policy: "p", from: "csr" }));
    assert.deepEqual(
      found.map(line => line["ThingName"]),
      ["SN-1"],
    );
    const pem = String(found[0]?.["CSR"]);
    assert.match(pem, /^-----BEGIN CERTIFICATE REQUEST-----\n/);
    const stored = (await filled.ledger.unit("SN-1"))?.request;
    assert.deepEqual(Buffer.from(pem.replace(/-----[^\n]+\n/g, ""), "base64"), Buffer.from(stored ?? []));
    assert.ok(pem.split("\n").every(row => row.length <= 64));
  });

  it("revoked, superseded and abandoned certificates and unfinished units are never exported", async () => {
    const { ledger } = filled;
    await filled.bring(unitOf("REVOKED"), "done");
    await ledger.revoke("REVOKED", { reason: "keyCompromise", replace: false, station: "bench" });
    await filled.bring(unitOf("REPLACED"), "done");
    const former = (await ledger.unit("REPLACED"))?.certificate;
    await ledger.revoke("REPLACED", { reason: "superseded", replace: true, station: "bench" });
    await filled.work("REPLACED", "done");
    await filled.bring(unitOf("WRITTEN"), "written");
    await filled.bring(unitOf("LISTED"), "listed");
    const found = await lines(exportAwsWithoutCa(ledger));
    const names = found.map(line => new X509Certificate(String(line["certificatePem"])));
    assert.deepEqual(
      names.map(one => one.subject),
      ["CN=REPLACED"],
    );
    assert.notEqual(names[0]?.fingerprint256.replaceAll(":", "").toLowerCase(), former);
    const azure = JSON.stringify(await lines(exportAzureEnrollments(ledger)));
    assert.ok(azure.includes("REPLACED") && !/REVOKED|WRITTEN|LISTED/.test(azure));
    const early = await lines(exportAwsWithoutCa(ledger, { issued: true }));
    assert.equal(early.length, 2, "with those that are issued and not in use");
  });

  it("AWS: every unit that breaks a rule is named with the rule before a line is written", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    await filled.bring(unitOf("a.b"), "done");
    await filled.bring(unitOf("SN-3", { label: "große Box" }), "done");
    const error = await refusal(exportAwsBulk(filled.ledger, { ...bulk(), attributes: ["label"] }));
    assert.equal(error.side, "input");
    assert.deepEqual(
      error.faults.map(({ serial }) => serial),
      ["SN-1", "a.b", "a.b", "SN-3"],
    );
    assert.match(error.faults[1]?.rule ?? "", /"a\.b" is no AWS thing name/);
    assert.match(error.faults[3]?.rule ?? "", /label has a character/);
  });

  it("AWS: a unit of an issuer that was not given is named", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    const error = await refusal(exportAwsBulk(filled.ledger, { policy: "p" }));
    assert.match(error.message, /^aws-bulk: SN-1: its issuer's certificate was not given/);
  });

  it("AWS: attributes, names and roles beyond their limits are refused", () => {
    const refused: [() => string, RegExp][] = [
      [() => awsBulkTemplate({ policy: "p", attributes: ["a", "b", "c", "d"] }), /4 attributes.*takes 3/],
      [() => awsBulkTemplate({ policy: "p", attributes: ["a", "a"] }), /named twice/],
      [() => awsBulkTemplate({ policy: "not a policy" }), /policy name/],
      [() => awsBulkTemplate({ policy: "p", thingType: "é" }), /thing type/],
      [() => awsJitpTemplate({ policy: "p", thingGroups: ["a b"] }), /thing group/],
      [
        () =>
          awsJitpTemplate({ policy: "p", thingGroups: Array.from({ length: 100 }, () => "g".repeat(128)) }),
        /AWS takes 10240/,
      ],
    ];
    for (const [make, what] of refused)
      assert.throws(make, (error: unknown) => error instanceof ExportRefused && what.test(error.what));
    assert.ok(awsBulkTemplate({ policy: "p", thingType: "t", attributes: ["a", "b", "c", "d"] }));
  });

  it("AWS JITP: a request of RegisterCACertificate, whose template names things by common name", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    const authority = filled.authority.certificate;
    const text = await exportAwsJitp(filled.ledger, { policy: "device", authority, mode: "SNI_ONLY" });
    const request = JSON.parse(text) as {
      caCertificate: string;
      certificateMode: string;
      registrationConfig: { templateBody: string; roleArn: string };
    };
    assert.deepEqual(Object.keys(request), [
      "caCertificate",
      "setAsActive",
      "allowAutoRegistration",
      "registrationConfig",
      "certificateMode",
    ]);
    assert.equal(request.registrationConfig.roleArn, ROLE_PLACEHOLDER);
    assert.ok(new X509Certificate(request.caCertificate).ca);
    assert.deepEqual(parametersOf(request.registrationConfig.templateBody), [
      "AWS::IoT::Certificate::CommonName",
      "AWS::IoT::Certificate::Id",
    ]);
  });

  it("AWS JITP: DEFAULT mode wants a verification certificate, SNI_ONLY refuses one, a role must look like one", async () => {
    const authority = filled.authority.certificate;
    const base = { policy: "p", authority };
    await assert.rejects(exportAwsJitp(filled.ledger, { ...base, mode: "DEFAULT" }), /verification/);
    await assert.rejects(
      exportAwsJitp(filled.ledger, { ...base, mode: "SNI_ONLY", verification: authority }),
      /verification/,
    );
    await assert.rejects(
      exportAwsJitp(filled.ledger, { ...base, mode: "SNI_ONLY", roleArn: "arn:aws:iam::1:user/x" }),
      /ARN of a role/,
    );
    const text = await exportAwsJitp(filled.ledger, {
      ...base,
      mode: "DEFAULT",
      verification: authority,
      roleArn: "arn:aws:iam::123456789012:role/jitp",
    });
    assert.match(text, /"verificationCertificate": "-----BEGIN/);
  });

  it("AWS JITP: a unit whose common name cannot be a thing's is named", async () => {
    await filled.bring(unitOf("a.b"), "done");
    await assert.rejects(
      exportAwsJitp(filled.ledger, {
        policy: "p",
        authority: filled.authority.certificate,
        mode: "SNI_ONLY",
      }),
      /a\.b.*no AWS thing name/,
    );
  });

  it("Azure: bulk operations of at most ten, each unit once, PEM without a trailing line end", async () => {
    for (let index = 1; index <= 23; index++) await filled.bring(unitOf(`SN-${index}`), "done");
    const bodies = (await lines(exportAzureEnrollments(filled.ledger))) as unknown as {
      mode: string;
      enrollments: {
        registrationId: string;
        attestation: {
          type: string;
          x509: { clientCertificates: { primary: { certificate: string } } };
        };
      }[];
    }[];
    assert.deepEqual(
      bodies.map(({ mode, enrollments }) => [mode, enrollments.length]),
      [
        ["create", 10],
        ["create", 10],
        ["create", 3],
      ],
    );
    const enrollments = bodies.flatMap(body => body.enrollments);
    assert.equal(new Set(enrollments.map(({ registrationId }) => registrationId)).size, 23);
    for (const { registrationId, attestation } of enrollments) {
      const pem = attestation.x509.clientCertificates.primary.certificate;
      assert.ok(pem.endsWith("-----END CERTIFICATE-----"));
      assert.equal(new X509Certificate(pem).subject, `CN=${registrationId}`);
    }
  });

  it("Azure: a certificate whose common name is not the serial is named", async () => {
    await filled.bring(unitOf("SN-1"), "done", { name: "other" });
    const error = await refusal(exportAzureEnrollments(filled.ledger));
    assert.match(error.message, /SN-1: its certificate's common name "other" is not its serial/);
  });

  it("Azure: batches beyond ten are refused", async () => {
    for (const batch of [0, 11, 1.5])
      assert.match((await refusal(exportAzureEnrollments(filled.ledger, { batch }))).message, /batch/);
  });

  it("Azure: the rules of registration ids", () => {
    const cases: [string, boolean][] = [
      ["sn-1", true],
      ["SN-1", true],
      ["a.b:c_d-e", true],
      ["sn-", false],
      ["sn.", false],
      ["_sn", false],
      [":sn", false],
      ["s n", false],
      ["sn+1", false],
      ["é", false],
      ["a".repeat(128), true],
      ["a".repeat(129), false],
      ["", false],
    ];
    for (const [id, isGood] of cases) assert.equal(registrationIdFault(id) === undefined, isGood, id);
    assert.match(registrationIdFault("SN-1", true) ?? "", /capitals/);
  });

  it("Azure: an enrollment group holds the CA, or the name of one, and its units are checked", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    const { ledger, authority } = filled;
    const whole = await exportAzureGroup(ledger, {
      group: "line-1",
      authority: { der: authority.certificate },
    });
    const group = JSON.parse(whole) as {
      attestation: { x509: { signingCertificates: { primary: { certificate: string } } } };
    };
    assert.ok(new X509Certificate(group.attestation.x509.signingCertificates.primary.certificate).ca);
    assert.match(
      await exportAzureGroup(ledger, { group: "line-1", authority: { name: "factory-root" } }),
      /"caReferences": \{\s+"primary": "factory-root"/,
    );
    await assert.rejects(exportAzureGroup(ledger, { group: "line 1", authority: { name: "x" } }), /group id/);
    await filled.bring(unitOf("_2"), "done");
    await assert.rejects(
      exportAzureGroup(ledger, { group: "line-1", authority: { name: "x" } }),
      /_2.*special character/,
    );
  });
});
