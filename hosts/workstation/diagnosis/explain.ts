import { bc66Diagnoses } from "../../../drivers/bc66/diagnosis.js";
import { bg95Diagnoses } from "../../../drivers/bg95/diagnosis.js";
import { journalDiagnoses } from "../../../modules/buffer/diagnosis.js";
import { explain, type Explanation } from "../../../modules/diagnosis/explain.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { DiagnosisRule } from "../../../modules/diagnosis/table.js";
import { mqttDiagnoses } from "../../../modules/mqtt/diagnosis.js";
import { tlsDiagnoses } from "../../../modules/tls/diagnosis.js";
import type { ModuleName } from "../../firmware/config.js";

const COMMON: readonly DiagnosisRule[] = [...journalDiagnoses, ...mqttDiagnoses, ...tlsDiagnoses];

const RULES: Readonly<Record<ModuleName, readonly DiagnosisRule[]>> = {
  bg95: [...COMMON, ...bg95Diagnoses],
  bc66: [...COMMON, ...bc66Diagnoses],
};

/** A failure that the firmware reported, in sentences for people: what happened, why, what to do. */
export function explainFailure(reason: Failure, module: ModuleName = "bg95"): Explanation {
  return explain(reason, RULES[module]);
}
