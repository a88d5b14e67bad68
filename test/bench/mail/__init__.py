"""The benchmark of mail: the same loads straight to a sink, through HAProxy, through sandwichd and through others like it, in turns.

`run` measures what a message costs, `scale` what many sessions, large messages and many messages cost, `sendmail` what a real
Sendmail takes straight in and through us. Figures of one run can be compared with each other, those of two machines cannot; nothing
here judges by a figure. Standard library only."""
