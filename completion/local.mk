# Where bash-completion and zsh look by themselves.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = completion/bash/pyheap completion/bash/core2pyheap
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = completion/zsh/_pyheap
