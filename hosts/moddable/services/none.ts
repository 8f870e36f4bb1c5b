import type { OpenServices } from "./services.js";

/** For products that leave TLS to the module. */
const services: OpenServices = () => ({});

export default services;
