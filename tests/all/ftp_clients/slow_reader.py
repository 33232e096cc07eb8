"""Fetches a file, the first megabytes of it slowly: 500 KB a second."""

import ftplib
import sys
import time

PORT, USER, PASSWORD = sys.argv[1:4]
SLOW = 4_000_000

ftp = ftplib.FTP()
ftp.connect("127.0.0.1", int(PORT))
ftp.login(USER, PASSWORD)
ftp.voidcmd("TYPE I")
data = ftp.transfercmd("RETR file")
got = b""
while True:
    some = data.recv(50_000)
    if not some:
        break
    got += some
    if len(got) < SLOW:
        time.sleep(len(some) / 500_000)
data.close()
ftp.voidresp()
with open("got", "wb") as file:
    file.write(got)
print("done")
