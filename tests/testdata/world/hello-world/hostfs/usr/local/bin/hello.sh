#!/bin/sh
# $ATOMIC installed this with $IMAGE_NAME ($UUID).
echo "Hello $RECEIVER costs $$1"
