import { bg95Diagnoses } from "../../../drivers/bg95/diagnosis.js";
import { explain, type Explanation } from "../../../modules/diagnosis/explain.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { DiagnosisRule } from "../../../modules/diagnosis/table.js";
import { journalDiagnoses } from "../../../modules/buffer/diagnosis.js";
import { mqttDiagnoses } from "../../../modules/mqtt/diagnosis.js";
import { tlsDiagnoses } from "../../../modules/tls/diagnosis.js";

const RULES: readonly DiagnosisRule[] = [
  ...journalDiagnoses,
  ...mqttDiagnoses,
  ...tlsDiagnoses,
  ...bg95Diagnoses,
];

/** A failure that the firmware reported, in sentences for people: what happened, why, what to do. */
export function explainFailure(reason: Failure): Explanation {
  return explain(reason, RULES);
}
