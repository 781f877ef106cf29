"""Do GANs end at Nash equilibria?"""
