#!/usr/bin/env bash
# phantom writes a whole raw dataset; a seed decides every byte, whatever the number of threads.
set -euo pipefail

"$SWIN_UMAMBA" phantom cells -o a --cases 3 --seed 4 --threads 1 > stdout.txt 2> stderr.txt
[[ $(cat stdout.txt) == a/Dataset703_CellsPhantom ]]
grep -q 'made 3 training cases' stderr.txt
"$SWIN_UMAMBA" phantom cells -o b --cases 3 --seed 4 --threads 2 --quiet > /dev/null
"$SWIN_UMAMBA" phantom cells -o c --cases 3 --seed 5 --quiet > /dev/null
diff -r a b
if diff -rq a c > /dev/null; then echo "another seed gave the same files"; exit 1; fi

made=a/Dataset703_CellsPhantom
for part in imagesTr labelsTr instancesTr; do [[ $(ls "$made/$part" | wc -l) == 3 ]]; done
for part in imagesTs labelsTs instancesTs; do [[ $(ls "$made/$part" | wc -l) == 2 ]]; done
[[ -s $made/imagesTr/cells_000_0000.png && -s $made/labelsTr/cells_000.png ]]
[[ -s $made/instancesTr/cells_000_label.tiff && -s $made/dataset.json ]]
