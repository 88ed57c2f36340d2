"""A port whose bytes the test puts in and takes out."""

incoming = bytearray()
outgoing = bytearray()


class SerialPort:
    def readinto(self, buffer):
        global incoming
        count = min(len(buffer), len(incoming))
        for i in range(count):
            buffer[i] = incoming[i]
        incoming = incoming[count:]
        return count

    def write(self, buffer):
        outgoing.extend(buffer)
