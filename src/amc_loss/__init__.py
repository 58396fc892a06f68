"""Angular Margin Contrastive Loss and the replication of its paper.

`amc_loss.losses` needs torch alone. The rooms lie in the order in which data meets them, and a room imports
those before it and no other: `study`, `data`, `training`, `runs`, `measures`, `views`. Any of them may use
`jobs`, which imports none.
"""
