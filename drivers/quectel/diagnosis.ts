/** What is known of failures of every module of the family. */
import { type CodeTable, diagnosis, type DiagnosisRule } from "../../modules/diagnosis/table.js";

/** `<stat>` of +CEREG (AT Commands Manual V2.0; 3GPP 27.007, 10.1.22). */
export const REGISTRATION_CODES: CodeTable = Object.freeze({
  0: diagnosis(
    "not registered and not searching",
    "The radio is off, automatic selection is switched off, or the module has given up for now: no network in any band that is enabled.",
    "See that AT+CFUN? gives 1 and AT+COPS? begins with 0; check the antenna, and with AT+QCFG which bands and technologies are enabled.",
  ),
  2: diagnosis(
    "still searching",
    "No cell was found in time. The first search through all bands and technologies takes minutes, and there may be no LTE-M or NB-IoT here.",
    "Look at the signal (AT+CSQ: 99 means none) and the antenna; ask the operator which technology and bands are in use at this place.",
  ),
  3: diagnosis(
    "registration denied",
    "A network was found and refused the SIM: not activated, blocked, without the right to LTE-M or NB-IoT, or not allowed to roam here.",
    "Ask the operator to look at this SIM; its portal often shows the attempt. Searching longer does not help.",
  ),
  4: diagnosis(
    "registration unknown",
    "The module lost the network's signal and cannot say whether it is still registered.",
    "Check the antenna and coverage; the module searches by itself.",
  ),
});

/** The device's store, and what an upload makes of it. */
export const credentialRules: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  {
    kinds: ["credential"],
    detail: "none is stored",
    always: diagnosis(
      "credential missing",
      "The device's store holds nothing for this role, but the connection needs it.",
      "Store it: the CA certificate to verify the server; client certificate and key together for mutual TLS.",
    ),
  },
  {
    kinds: ["credential"],
    detail: ": pem",
    always: diagnosis(
      "PEM where DER is needed",
      "The device's store holds PEM text; it keeps DER alone and makes PEM for the module itself.",
      "Convert it: openssl x509 -outform DER for certificates, openssl pkcs8 -topk8 -nocrypt -outform DER for keys.",
    ),
  },
  {
    kinds: ["credential"],
    detail: ": encrypted",
    always: diagnosis(
      "key under a password",
      "The private key is encrypted, and a device has nobody to type the password.",
      "Take the password off: openssl pkcs8 -topk8 -nocrypt -outform DER.",
    ),
  },
  ...["pkcs1", "sec1"].map(form => ({
    kinds: ["credential"] as const,
    detail: ": " + form,
    always: diagnosis(
      "key without PKCS#8",
      "The private key is stored in an older form; the store wants PKCS#8.",
      "Convert it: openssl pkcs8 -topk8 -nocrypt -outform DER.",
    ),
  })),
  ...["truncated", "trailing", "malformed", "empty", "unreadable", "holds unknown", "holds too few"].map(
    fault => ({
      kinds: ["credential"] as const,
      detail: ": " + fault,
      always: diagnosis(
        "credential not intact",
        "What the device's store holds is no complete DER certificate or key: it was cut off, or something was written over or behind it.",
        "Store it again, and compare its length with the file's.",
      ),
    }),
  ),
  {
    kinds: ["credential"],
    detail: "holds ",
    always: diagnosis(
      "certificate and key mixed up",
      "The store holds a certificate where the key belongs, or the other way round.",
      "Store each under its own role.",
    ),
  },
]);

/** A locked SIM. */
export const simRules: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  {
    kinds: ["sim"],
    detail: "PUK",
    always: diagnosis(
      "PUK required",
      "The PIN was entered wrongly three times, and the SIM asks for its PUK.",
      "Unlock the SIM with its PUK in a telephone; ten wrong PUKs destroy it.",
    ),
  },
  {
    kinds: ["sim"],
    detail: "PIN",
    always: diagnosis(
      "PIN required",
      "The SIM is locked by its PIN.",
      "Switch the PIN request off in a telephone.",
    ),
  },
]);
