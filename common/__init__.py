"""What the six workers share. Imports no worker, and not the classifier."""

VERSION = "0.1.0"
