// Face of the C function in hardware-random.c, in the syntax of the SDK's compiler; described in hardware-random.d.ts.
function fillRandom(bytes) @ "xs_hardwarerandom_fill";

export default fillRandom;
