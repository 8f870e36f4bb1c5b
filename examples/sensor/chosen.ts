export { default } from "examples/sensor/main";
