# Words that are no verb or option: the near one is named, the exit code is 2.
yoke inof; echo "exit $?"
yoke info --verbos; echo "exit $?"
yoke info extra; echo "exit $?"
yoke help nosuch; echo "exit $?"
yoke --version | sed 's/[0-9.]*$/VERSION/'
