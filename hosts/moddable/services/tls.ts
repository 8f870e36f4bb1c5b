import { moddableTls } from "../tls-engine.js";
import type { OpenServices } from "./services.js";

/** TLS on this side, for products whose route is `host-tls`. */
const services: OpenServices = (_credentials, entropy) => ({ tls: moddableTls(entropy) });

export default services;
