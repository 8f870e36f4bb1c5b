export * from "../modem/socket.js";
