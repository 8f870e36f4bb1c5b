// Faces of the C functions in chip.c, in the syntax of the SDK's compiler; described in chip.d.ts.
function deepSleep(ms) @ "xs_chip_deepSleep";
function restart() @ "xs_chip_restart";
function wakeCause() @ "xs_chip_wakeCause";
function address() @ "xs_chip_address";
function startWatchdog(timeoutMs) @ "xs_chip_startWatchdog";
function feedWatchdog() @ "xs_chip_feedWatchdog";

export { deepSleep, restart, wakeCause, address, startWatchdog, feedWatchdog };
