/**
 * The product that a device's main module starts: every module and every route. The manifest of a smaller
 * product (`bg95-module-tls.json` and so on) puts its own in this place.
 */
export { default } from "../main.js";
