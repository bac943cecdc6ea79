"""A partner whose units points become: honest, with accounts and balances, under the protocol of decision 53."""
