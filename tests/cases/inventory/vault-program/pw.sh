#!/bin/sh
printf "correct horse\n"
