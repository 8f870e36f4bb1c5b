export { fileFault as environmentFault } from "../../../certs/files/file-fault.js";
