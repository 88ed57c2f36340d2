"""Speaks a sound file over HTTP: python speak_over_http.py hello.wav [http://head.local:7777 TOKEN]"""

import json
import sys
import urllib.request

sound, *where = sys.argv[1:]
base, token = where if where else ("http://127.0.0.1:7777", "")
headers = {"Content-Type": "application/octet-stream", "Authorization": f"Bearer {token}"}
with open(sound, "rb") as file:
    request = urllib.request.Request(f"{base}/api/v1/speak?wait=1", file.read(), headers)
print(json.load(urllib.request.urlopen(request))["outcome"])
