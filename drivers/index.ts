/** What an application imports that drives either module. */
export * from "./bg95/index.js";
export { bc66 } from "./bc66/profile.js";
