"""Angular Margin Contrastive Loss and the replication of its paper."""
