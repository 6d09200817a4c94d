#!/bin/bash
# Exits with 0 if /livez answers 200. Written for bash alone: the image has no wget or curl, and starting Node for
# each probe takes over a second of CPU on a busy machine.
exec 3<>"/dev/tcp/127.0.0.1/${PORT:-8000}" || exit 1
printf 'GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 5 _ status _ <&3 && [ "$status" = 200 ]
