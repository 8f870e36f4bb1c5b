"""A small AT client, as somebody else would write it: PTY NAME PORT."""
import os
import select
import sys
import tty

path, name, port = sys.argv[1:4]
line = os.open(path, os.O_RDWR | os.O_NOCTTY)
tty.setraw(line)
received = b""


def until(*ends):
    """Reads until one of the texts has come; returns what came up to its end."""
    global received
    while True:
        for end in ends:
            at = received.find(end)
            if at >= 0:
                text, received = received[: at + len(end)], received[at + len(end) :]
                return text
        if not select.select([line], [], [], 10)[0]:
            sys.exit("no answer; so far: %r" % received)
        received += os.read(line, 4096)


def command(text):
    os.write(line, text.encode() + b"\r")
    answer = until(b"OK\r\n", b"ERROR\r\n", b"+CME ERROR")
    for part in answer.decode("latin1").split("\r\n"):
        if part:
            print(part)
    return answer


command("ATE0")
command("ATI")
command('AT+QFDEL="*"')
os.write(line, b'AT+QFUPL="UFS:hello.txt",5,10\r')
until(b"CONNECT\r\n")
os.write(line, b"hello")
print(until(b"OK\r\n").decode().strip())
command('AT+QICSGP=1,1,"internet"')
command("AT+QIACT=1")
command('AT+QIOPEN=1,0,"TCP","%s",%s,0,0' % (name, port))
print(until(b"+QIOPEN: 0,0\r\n", b"+QIOPEN: 0,5").decode().strip())
os.write(line, b"AT+QISEND=0,5\r")
until(b"> ")
os.write(line, b"hello")
until(b"SEND OK\r\n")
until(b'+QIURC: "recv",0\r\n')
os.write(line, b"AT+QIRD=0,100\r")
until(b"+QIRD: 14\r\n")
print(until(b"hello").decode())
until(b"OK\r\n")
command("AT+QICLOSE=0")
