/**
 * `embedded:io/socket/tcp` for the tests: TCP through the module. What a listener of this machine takes in
 * (`from`, and the empty one that the SDK's listener fills) stays the SDK's own class.
 */
import NativeTCP from "sdk/tcp";

interface Options {
  readonly from?: unknown;
}

interface Device {
  readonly network: { readonly mqtt: { readonly socket: { readonly io: new (options: object) => object } } };
}

declare const device: Device;

function TCP(options?: Options): object {
  // The SDK's class counts its arguments.
  if (options === undefined) return new NativeTCP();
  if (options.from instanceof NativeTCP) return new NativeTCP(options);
  return new device.network.mqtt.socket.io(options);
}

export default TCP;
