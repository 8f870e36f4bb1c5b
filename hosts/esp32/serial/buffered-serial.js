// Faces of the C functions in buffered-serial.c, in the syntax of the SDK's compiler; described in buffered-serial.d.ts.
class BufferedSerial @ "xs_bufferedserial_destructor" {
	constructor(options) @ "xs_bufferedserial_constructor";
	close() @ "xs_bufferedserial_close";
	read(count) @ "xs_bufferedserial_read";
	write(data) @ "xs_bufferedserial_write";
	get format() @ "xs_bufferedserial_get_format";
	set format(value) @ "xs_bufferedserial_set_format";
	// The receive ring of the C file.
	get receiveHeadroom() { return 4096; }
}

export default BufferedSerial;
