import { flightLines } from "../../modules/tls/flights.js";
import type { DescribeFlights } from "./routes/host-tls.js";

/** `flight`: what a handshake that failed was made of, line by line, for products that have somebody to read it. */
export const flightReport: DescribeFlights = report => (recorder, reason) => {
  flightLines(recorder, reason).forEach(line => {
    report("flight", line);
  });
};
