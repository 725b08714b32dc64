#!/usr/bin/env node
// Not built, so that it is there (and executable) when npm links it.
import '../dist/schema/cli.js';
