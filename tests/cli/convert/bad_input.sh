# convert names the files that lack a partner, damaged files, and wrong options.
source "$SEG_TESTS/cli/lib.sh"

expect_fail 2 'neurips-cell' "$SWIN_UMAMBA" convert neurips-cells in out
expect_fail 2 'inner' "$SWIN_UMAMBA" convert neurips-cell in out --boundary outer
expect_fail 2 'only with neurips-cell, not msd' "$SWIN_UMAMBA" convert msd in out --boundary inner
expect_fail 2 'Dataset703_NeurIPSCell' "$SWIN_UMAMBA" convert neurips-cell in out --name cells
expect_fail 1 'folder nowhere does not exist' "$SWIN_UMAMBA" convert neurips-cell nowhere out

"$SWIN_UMAMBA" phantom cells -o raw --cases 1 --quiet > /dev/null
phantom=raw/Dataset703_CellsPhantom
mkdir -p in/images in/labels
expect_fail 1 'in/images: no images found' "$SWIN_UMAMBA" convert neurips-cell in out
cp $phantom/imagesTr/cells_000_0000.png in/images/cells_000.png
expect_fail 1 'images without a label: 1 (cells_000.png)' "$SWIN_UMAMBA" convert neurips-cell in out
cp $phantom/instancesTr/cells_000_label.tiff in/labels/
cp $phantom/instancesTr/cells_000_label.tiff in/labels/other_label.tiff
expect_fail 1 'labels without an image: 1 (other_label.tiff)' "$SWIN_UMAMBA" convert neurips-cell in out
rm in/labels/other_label.tiff
head -c 3000 in/images/cells_000.png > short.png
mv short.png in/images/cells_000.png
expect_fail 1 'cells_000.png > truncated: expected' "$SWIN_UMAMBA" convert neurips-cell in out

# A failed run leaves nothing that blocks the next one.
cp $phantom/imagesTr/cells_000_0000.png in/images/cells_000.png
"$SWIN_UMAMBA" convert neurips-cell in out --quiet > /dev/null
expect_fail 1 'exists already' "$SWIN_UMAMBA" convert neurips-cell in out
