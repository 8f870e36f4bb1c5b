/**
 * What the SDK does for the product: everything. The manifest of a smaller product puts `tls` or `none` in
 * this place.
 */
export { default } from "./everything.js";
