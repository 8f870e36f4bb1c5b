import { moddableKeys } from "../keys.js";
import { storedKeySigner } from "../signer.js";
import { moddableTls } from "../tls-engine.js";
import type { OpenServices } from "./services.js";

/** TLS on this side, tokens, keys for provisioning. */
const services: OpenServices = (credentials, entropy) => ({
  tls: moddableTls(entropy),
  signer: storedKeySigner(credentials),
  keys: moddableKeys(entropy),
});

export default services;
