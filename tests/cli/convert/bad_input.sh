#!/usr/bin/env bash
# convert names the files that lack a partner, damaged files, and wrong options.
set -euo pipefail
fails() {  # fails STATUS PATTERN ARGUMENTS...
  local status=0
  "$SWIN_UMAMBA" convert "${@:3}" > stdout.txt 2> stderr.txt || status=$?
  [[ $status == "$1" && ! -s stdout.txt ]] && grep -q "$2" stderr.txt && return
  cat stderr.txt
  echo "convert ${*:3}: status $status, expected $1 and \"$2\""
  exit 1
}
fails 2 'neurips-cell' neurips-cells in out
fails 2 'inner' neurips-cell in out --boundary outer
fails 2 'Dataset703_NeurIPSCell' neurips-cell in out --name cells
fails 1 'folder nowhere does not exist' neurips-cell nowhere out

"$SWIN_UMAMBA" phantom cells -o raw --cases 1 --quiet > /dev/null
phantom=raw/Dataset703_CellsPhantom
mkdir -p in/images in/labels
fails 1 'in/images: no images found' neurips-cell in out
cp $phantom/imagesTr/cells_000_0000.png in/images/cells_000.png
fails 1 'images without a label: 1 (cells_000.png)' neurips-cell in out
cp $phantom/instancesTr/cells_000_label.tiff in/labels/
cp $phantom/instancesTr/cells_000_label.tiff in/labels/other_label.tiff
fails 1 'labels without an image: 1 (other_label.tiff)' neurips-cell in out
rm in/labels/other_label.tiff
head -c 3000 in/images/cells_000.png > short.png
mv short.png in/images/cells_000.png
fails 1 'cells_000.png > truncated: expected [0-9]* bytes or more, got 3000' neurips-cell in out

# A failed run leaves nothing that blocks the next one.
cp $phantom/imagesTr/cells_000_0000.png in/images/cells_000.png
"$SWIN_UMAMBA" convert neurips-cell in out --quiet > /dev/null
fails 1 'exists already' neurips-cell in out
