# Every command of the source has a row in the program's table, a help text and an example.
source "$SEG_TESTS/cli/lib.sh"
expect_ok "$SWIN_UMAMBA" --help
cp stdout overview
for source in "$SEG_TESTS"/../src/app/cmd_*.cpp; do
  command=$(basename "$source" .cpp)
  command=${command#cmd_}
  command=${command//_/-}
  [[ " $SEG_MISSING_COMMANDS " == *" $command "* ]] && continue
  grep -qE "^ +$command +[a-z]" overview || complain "--help does not list $command"
  expect_ok "$SWIN_UMAMBA" "$command" --help
  expect_text "Example" stdout
  expect_text "--threads" stdout
  expect_text "--quiet" stdout
done
