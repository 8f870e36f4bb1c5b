/* Stand-in for the header that the SDK's linker writes: keys by name, here made when the machine is. */
#ifndef STAND_IN_MC_XS_H
#define STAND_IN_MC_XS_H

#define STAND_IN_KEYS(KEY) \
	KEY(baud) KEY(cts) KEY(format) KEY(onError) KEY(onReadable) KEY(onWritable) KEY(port) KEY(receive) KEY(rts) \
	KEY(target) KEY(threshold) KEY(transmit)
#define STAND_IN_KEY(NAME) extern xsIdentifier xsID_##NAME;
STAND_IN_KEYS(STAND_IN_KEY)
#undef STAND_IN_KEY

#endif
