import { refuse } from "../simulate/check.js";

/** Where a broker is looked at, over TLS. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws InputError when the text is not HOST:PORT; IPv6 in brackets. */
export function brokerAddress(text: string): BrokerAddress {
  const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.replace(/^mqtts:\/\//, ""));
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    return refuse(
      "--broker",
      `--broker ${text} is not HOST:PORT`,
      "The broker is looked at over TLS.",
      "For example: --broker broker.example.com:8883",
    );
  return { host: match[1], port };
}
