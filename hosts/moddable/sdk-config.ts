/** What of a manifest's `config` is the SDK's. */
export interface SdkConfig {
  /** Suites with Diffie-Hellman over integers; they cannot show a client certificate, and are not offered here. */
  readonly tls: { readonly DHE_RSA: false };
}
